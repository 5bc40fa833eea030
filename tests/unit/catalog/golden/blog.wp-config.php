<?php
// Written by citrus. A change made here is drift, and the next run takes it back.
// Constants of your own: wordpress.config of the site in the manifest.

define( 'WP_POST_REVISIONS', (int) '5' );
define( 'WP_CACHE', true );
define( 'FS_CHMOD_DIR', octdec( '0755' ) );
define( 'PIN', '0123' );
define( 'TRUTH', 'true' );
define( 'COOKIE_DOMAIN', '' );
define( 'QUOTE', 'it\'s \\ "here"' );

define( 'DB_NAME', 'blog_example_com_62bccb' );
define( 'DB_USER', 'blog_example_com_62bccb' );
define( 'DB_PASSWORD', '(site/blog.example.com/db_password)' );
define( 'DB_HOST', 'localhost:/run/mysqld/mysqld.sock' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
$table_prefix = 'wp_';

define( 'AUTH_KEY', '4f1664911c0ccfcc770809bfe0856d2f832d9236175fed965d71bc0ee0efb2f6' );
define( 'SECURE_AUTH_KEY', '94f53c8698936eae087f889ffaa54afd535b3696d9991c983c82801a0bce3fac' );
define( 'LOGGED_IN_KEY', '2416bc53a2954bc51c789c80a65d586eb305d6070e71af6658f7fa428570d2c6' );
define( 'NONCE_KEY', 'd742cc6478d52e1932f4019752b28c3f8b3d55c00c3d40447a604c7f7de1f7ea' );
define( 'AUTH_SALT', 'c923301daff8163facd0aed447cd7a900c90e7ca9c8cd6a61ec430091774a8cd' );
define( 'SECURE_AUTH_SALT', '8de6989f0749faf5523c9a760e5048489af49ad2ee90b014fd348f5eb34b4159' );
define( 'LOGGED_IN_SALT', 'd18695f5c17ea56abcbba0811d5f5bcd137abf68604493c209c768027bf90baa' );
define( 'NONCE_SALT', '0b936c623a444e1c87681ca1f6be0d8568472a8d62558d606d36ca71f68abef2' );

defined( 'FORCE_SSL_ADMIN' ) || define( 'FORCE_SSL_ADMIN', true );
defined( 'DISALLOW_FILE_EDIT' ) || define( 'DISALLOW_FILE_EDIT', true );
// The version of WordPress is the manifest's matter.
defined( 'WP_AUTO_UPDATE_CORE' ) || define( 'WP_AUTO_UPDATE_CORE', false );
defined( 'WP_DEBUG' ) || define( 'WP_DEBUG', false );

if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/public/' );
}
require_once ABSPATH . 'wp-settings.php';
