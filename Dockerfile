# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The target directory is a cache mount and no part of the layer, so the binary is copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin souk \
    && install -D target/release/souk /out/souk

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/souk --shell /usr/sbin/nologin souk \
    && install -d -o souk /var/lib/souk
COPY --from=build /out/souk /usr/local/bin/souk
USER souk
WORKDIR /var/lib/souk
ENV SOUK_BIND=0.0.0.0:8080 \
    SOUK_DATA_DIR=/var/lib/souk
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["souk"]
CMD ["serve"]
