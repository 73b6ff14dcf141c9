# The service as a container: the same pinned requirements as everywhere else, an ordinary user, nothing but /data written.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/varhain
COPY requirements.txt pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY features features
COPY model_registry model_registry
COPY training training
COPY service service
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home varhain \
    && install -d -o varhain /data

USER varhain
ENV VARHAIN_HOME=/data VARHAIN_HOST=0.0.0.0 VARHAIN_PORT=8000 NUMBA_CACHE_DIR=/data/numba
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live')"]
CMD ["varhain", "serve"]
