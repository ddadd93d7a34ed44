# Build the wheel's environment with the locked dependencies, then carry only that over.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN pip install --no-cache-dir 'uv>=0.8,<1'
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/penstock
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --no-install-project --python python3
COPY engine engine
COPY connectors connectors
COPY destinations destinations
COPY migrations migrations
RUN uv sync --locked --no-dev --no-editable --python python3

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/penstock penstock
COPY --from=build /opt/penstock /opt/penstock
ENV PATH=/opt/penstock/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PENSTOCK_HOME=/var/lib/penstock \
    PENSTOCK_BIND=0.0.0.0:8484 \
    PENSTOCK_LOG_FORMAT=json
USER penstock
WORKDIR /var/lib/penstock
VOLUME /var/lib/penstock
EXPOSE 8484
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8484/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["penstock", "serve"]
