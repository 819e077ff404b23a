# One image for the three services, the migration and the `clicktrail` command.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/clicktrail
ENV PATH=/opt/clicktrail/bin:$PATH
WORKDIR /src
# What we depend on changes seldom: a layer of its own.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*(each for each in tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'] if not each.startswith('clicktrail-')), sep='\n')" > requirements.txt \
    && pip install -r requirements.txt
COPY . .
RUN pip install --no-deps ./protos . && python -m compileall -q /opt/clicktrail

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin clicktrail \
    && install -d -o clicktrail -m 700 /var/lib/clicktrail/spool
COPY --from=build /opt/clicktrail /opt/clicktrail
ENV PATH=/opt/clicktrail/bin:$PATH PYTHONDONTWRITEBYTECODE=1 CLICKTRAIL_LOG_FORMAT=json
USER 10001
WORKDIR /
CMD ["clicktrail", "--help"]
