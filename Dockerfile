FROM python:3.12-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HYPERORU_VAR=/var/lib/hyperoru
RUN useradd --system --home-dir /var/lib/hyperoru --create-home hyperoru
WORKDIR /srv/hyperoru
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN SECRET_KEY=only-for-the-build python manage.py collectstatic --noinput --verbosity 0 \
    && chown -R hyperoru /var/lib/hyperoru
USER hyperoru
EXPOSE 8080
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--role", "web"]
