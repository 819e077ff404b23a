FROM clicktrail-test/bookworm
VOLUME /data
WORKDIR /data
COPY store-entrypoint /usr/local/bin/docker-entrypoint.sh
ENV STORE_USER=redis
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
