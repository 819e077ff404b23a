# One image for the three services, the migration and the `clicktrail` command.
# The base is pinned by its digest, which names it on every architecture; to take a newer one, write the digest that
# `docker buildx imagetools inspect python:3.13-slim` shows. Another base, or a mirror's, by the build arguments.
ARG CLICKTRAIL_REGISTRY=
ARG CLICKTRAIL_PYTHON_IMAGE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${CLICKTRAIL_REGISTRY}${CLICKTRAIL_PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# pip stays here: what runs has an environment without one.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/clicktrail
WORKDIR /src
# What we depend on changes seldom: a layer of its own. Locked with hashes; `make lock` renews it.
COPY deploy/requirements.lock deploy/build-requirements.lock deploy/
RUN /opt/build/bin/pip install --quiet --require-hashes -r deploy/build-requirements.lock \
    && /opt/build/bin/pip --python /opt/clicktrail/bin/python install --quiet --require-hashes -r deploy/requirements.lock
COPY . .
# Built by the setuptools of the lock, not by one fetched for the occasion.
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels ./protos . \
    && /opt/build/bin/pip --python /opt/clicktrail/bin/python install --quiet --no-deps --no-index /wheels/*.whl \
    && /opt/clicktrail/bin/python -m compileall -q /opt/clicktrail \
    && /opt/build/bin/cyclonedx-py environment --output-reproducible --output-file /opt/clicktrail/sbom.cdx.json /opt/clicktrail/bin/python

FROM ${CLICKTRAIL_REGISTRY}${CLICKTRAIL_PYTHON_IMAGE}
ARG CLICKTRAIL_VERSION=0.2.0
ARG CLICKTRAIL_REVISION=unknown
LABEL org.opencontainers.image.title="Clicktrail" \
    org.opencontainers.image.description="Follows the trail from a short link's click to the purchase." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${CLICKTRAIL_VERSION}" \
    org.opencontainers.image.revision="${CLICKTRAIL_REVISION}"
RUN groupadd --gid 10001 clicktrail \
    && useradd --no-log-init --uid 10001 --gid 10001 --no-create-home --home-dir / --shell /usr/sbin/nologin clicktrail \
    && install -d -o clicktrail -g clicktrail -m 700 /var/lib/clicktrail/spool \
    && install -d -o clicktrail -g clicktrail -m 755 /run/clicktrail-secrets /run/clicktrail-service-secrets \
    && install -d -o clicktrail -g clicktrail -m 700 /run/clicktrail-keys \
        /run/clicktrail-keys/all /run/clicktrail-keys/gateway /run/clicktrail-keys/shortener /run/clicktrail-keys/tracking
COPY --from=build /opt/clicktrail /opt/clicktrail
# Asked every few seconds: a file of the standard library alone, at a place that no version of Python is part of.
COPY common/probe.py /opt/clicktrail/probe.py
ENV PATH=/opt/clicktrail/bin:$PATH PYTHONDONTWRITEBYTECODE=1 CLICKTRAIL_LOG_FORMAT=json
USER 10001:10001
WORKDIR /
# The gateway's HTTP, the gRPC of shortener and tracking.
EXPOSE 8080 7001 7002
CMD ["clicktrail", "--help"]
