#!/bin/bash
# bare.sh MODEL JOBS SITE...: WordPress sites by a bare shell script, run inside a server: what citrus's installation is
# held against. The same steps with the same programs and the same texts (those that citrus wrote for the site MODEL,
# with the names replaced), JOBS sites at a time, one reload at the end. It keeps no way back, looks at nothing, and
# syncs nothing.
set -euo pipefail
model=$1 jobs=$2
shift 2
archive=$(ls /var/cache/citrus/artifacts/wordpress-*.tar.gz)
cli=$(ls /var/cache/citrus/artifacts/wp-cli-*.phar)
model_user=$(stat -c %G "/var/www/$model")
model_password=$(sed -n "s/.*DB_PASSWORD'[^']*'\([^']*\)'.*/\1/p" "/var/www/$model/wp-config.php")
export model archive cli model_user model_password

user_of() { echo "bare_${1%%.*}"; }
like_model() { sed "s/$model_user/$3/g; s/$model_password/$4/g; s/${model//./\\.}/$2/g" "$1"; } # FILE SITE USER PASSWORD
install_site() {
  local site=$1 user password w=/var/www/$1
  user=$(user_of "$site")
  password=$(openssl rand -hex 16)
  mkdir -p "$w"/{custom.d,logs,public,tmp,sessions} "/etc/citrus/tls/$site"
  chown "root:$user" "$w" "$w"/{logs,public}
  chown "$user:$user" "$w"/{tmp,sessions}
  chmod 750 "$w" "$w"/{logs,public}
  chmod 700 "$w"/{tmp,sessions}
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$site" -addext "subjectAltName=DNS:$site" \
    -keyout "/etc/citrus/tls/$site/privkey.pem" -out "/etc/citrus/tls/$site/fullchain.pem" 2>/dev/null
  like_model "/etc/logrotate.d/citrus-$model_user" "$site" "$user" "$password" >"/etc/logrotate.d/$user"
  mariadb -e "CREATE DATABASE $user CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
    CREATE USER $user@localhost IDENTIFIED BY '$password'; GRANT ALL PRIVILEGES ON $user.* TO $user@localhost"
  like_model "/var/www/$model/wp-config.php" "$site" "$user" "$password" >"$w/wp-config.php"
  chown "root:$user" "$w/wp-config.php"
  chmod 640 "$w/wp-config.php"
  tar -xzf "$archive" -C "$w/public" --strip-components=1 --no-same-owner
  install -d -o "$user" -g "$user" "$w/public/wp-content/uploads"
  runuser -u "$user" -- env "HOME=$w/tmp" "WP_CLI_CACHE_DIR=$w/tmp/.wp-cli" WP_CLI_DISABLE_AUTO_CHECK_UPDATE=1 php -d memory_limit=512M "$cli" "--path=$w/public" --quiet \
    --no-color --skip-plugins --skip-themes --skip-packages core install "--url=https://$site" --title=Bare --admin_user=editor \
    "--admin_email=editor@$site" --skip-email --prompt=admin_password <<<"$password"
  like_model "/etc/php/8.2/fpm/pool.d/$model.conf" "$site" "$user" "$password" >"/etc/php/8.2/fpm/pool.d/$site.conf"
  like_model "/etc/nginx/sites-available/$model.conf" "$site" "$user" "$password" >"/etc/nginx/sites-available/$site.conf"
  ln -s "../sites-available/$site.conf" "/etc/nginx/sites-enabled/$site.conf"
}
export -f user_of like_model install_site

for site in "$@"; do # one at a time: the account tools lock each other out
  user=$(user_of "$site")
  groupadd --system "$user"
  useradd --system --no-create-home --gid "$user" --home-dir "/var/www/$site" --shell /usr/sbin/nologin "$user"
  gpasswd --add www-data "$user" >/dev/null
done
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 bash -euo pipefail -c 'install_site "$0"'
nginx -t -q
php-fpm8.2 -t 2>/dev/null
systemctl reload nginx php8.2-fpm
