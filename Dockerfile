# One image for every service; the command line chooses which.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
ARG VERSION=0.1.0
RUN test "$(/venv/bin/eduops --version)" = "$VERSION"

FROM python:3.13-slim
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title=eduops \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.licenses=Apache-2.0
RUN useradd --system --uid 10001 --create-home eduops && install -d -o eduops -g eduops /data /issuer /store /log
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER eduops
VOLUME /data
ENTRYPOINT ["eduops"]
CMD ["--help"]
