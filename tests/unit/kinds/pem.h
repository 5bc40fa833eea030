/* A self-signed certificate for a.example and www.a.example that is due (1600 to 2100), with its key. Made
 * for these tests: x509_self_signed() makes none that is. */
#ifndef CITRUS_TEST_PEM_H
#define CITRUS_TEST_PEM_H

static const char pem_due[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBdDCCARqgAwIBAgIUb91CaUnJT7xgmal8iOTgVwByPBEwCgYIKoZIzj0EAwIw\n"
                              "FDESMBAGA1UEAwwJYS5leGFtcGxlMCIYDzE2MDAwMTAxMDAwMDAwWhgPMjEwMDAx\n"
                              "MDEwMDAwMDBaMBQxEjAQBgNVBAMMCWEuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG\n"
                              "SM49AwEHA0IABFKiYykKF71X5ibe5+AEHTAd/3wYKg/djFxe1WP35/fjuk0SYcVU\n"
                              "vpnFMRzeMXvMkLWPkSo1YwnG3zd6J4zoOZKjRjBEMCMGA1UdEQQcMBqCCWEuZXhh\n"
                              "bXBsZYINd3d3LmEuZXhhbXBsZTAdBgNVHQ4EFgQUxNdMSnUt9O2gkIiHg00qsdeL\n"
                              "FW0wCgYIKoZIzj0EAwIDSAAwRQIgJlJ4JnRbkR6BumpW9Ikgisxu7DIGqpnQiR8Y\n"
                              "wWJT+nACIQD7Hg9FpcNiQlHAlfQPg80gAFa6MSyompXXAFOPFRiCHA==\n"
                              "-----END CERTIFICATE-----\n";

static const char pem_key[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeftyGs7Ra25g/Lf4\n"
                              "TWF2GEeVRtbxdf1rDCt0Byf/2/yhRANCAARSomMpChe9V+Ym3ufgBB0wHf98GCoP\n"
                              "3YxcXtVj9+f347pNEmHFVL6ZxTEc3jF7zJC1j5EqNWMJxt83eieM6DmS\n"
                              "-----END PRIVATE KEY-----\n";

#endif
