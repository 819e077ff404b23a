FROM python:3.13-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends valkey-server gosu >/dev/null && rm -rf /var/lib/apt/lists/*
VOLUME /data
WORKDIR /data
COPY store-entrypoint /usr/local/bin/docker-entrypoint.sh
ENV STORE_USER=valkey
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["valkey-server"]
