# The build stage installs the locked dependencies, then the package; only the environment it makes is carried over.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir 'uv>=0.8,<1'
ENV UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/penstock
WORKDIR /src
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY . .
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim-bookworm
# The number, so that an orchestrator can see that it is not root; the folder holds the key that seals the credentials.
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/penstock penstock \
 && install --directory --owner penstock --group penstock --mode 700 /var/lib/penstock
COPY --from=build /opt/penstock /opt/penstock
ENV PATH=/opt/penstock/bin:$PATH \
    PENSTOCK_HOME=/var/lib/penstock \
    PENSTOCK_BIND=0.0.0.0:8484 \
    PENSTOCK_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/penstock
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, ssl, urllib.request as u; s = 's' * ('PENSTOCK_TLS_CERTIFICATE' in os.environ); u.urlopen(f'http{s}://127.0.0.1:8484/healthz', timeout=4, context=ssl._create_unverified_context())"]
CMD ["penstock", "serve"]
