# The image's own Python with what the tests need: a Redis, and a user that is not root, whom PostgreSQL refuses.
ARG CLICKTRAIL_REGISTRY=
ARG CLICKTRAIL_PYTHON_IMAGE
FROM ${CLICKTRAIL_REGISTRY}${CLICKTRAIL_PYTHON_IMAGE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server make git util-linux >/dev/null \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /clicktrail
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
# Installed as people do it, but for the packages themselves, which lie in the working folder.
RUN python -m venv /venv && mkdir cli common gateway shortener_service tracking_service \
    && /venv/bin/pip install --quiet -e protos -e '.[dev]'
RUN useradd --create-home tester && chown -R tester /clicktrail
ENV PATH=/venv/bin:$PATH
USER tester
