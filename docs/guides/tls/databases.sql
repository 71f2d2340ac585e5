-- A user and a database for each service that has one. Run by `psql -v password=... -f -`, which reads it.
CREATE USER mainflux PASSWORD :'password';
CREATE DATABASE users OWNER mainflux ENCODING UTF8 TEMPLATE template0;
CREATE DATABASE things OWNER mainflux ENCODING UTF8 TEMPLATE template0;
CREATE DATABASE messages OWNER mainflux ENCODING UTF8 TEMPLATE template0;
