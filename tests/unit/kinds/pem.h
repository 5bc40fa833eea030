/* Self-signed certificates for a.example and www.a.example, one that is due (1600 to 2100) and one of the
 * time to come (2100 to 2200), with their key. Made for these tests: x509_self_signed() makes none of the
 * sort. */
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

static const char pem_to_come[] = "-----BEGIN CERTIFICATE-----\n"
                                  "MIIBczCCARqgAwIBAgIUekpaMQ7JmFitU5T+wlbz8a5p0kIwCgYIKoZIzj0EAwIw\n"
                                  "FDESMBAGA1UEAwwJYS5leGFtcGxlMCIYDzIxMDAwMTAxMDAwMDAwWhgPMjIwMDAx\n"
                                  "MDEwMDAwMDBaMBQxEjAQBgNVBAMMCWEuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG\n"
                                  "SM49AwEHA0IABFKiYykKF71X5ibe5+AEHTAd/3wYKg/djFxe1WP35/fjuk0SYcVU\n"
                                  "vpnFMRzeMXvMkLWPkSo1YwnG3zd6J4zoOZKjRjBEMCMGA1UdEQQcMBqCCWEuZXhh\n"
                                  "bXBsZYINd3d3LmEuZXhhbXBsZTAdBgNVHQ4EFgQUxNdMSnUt9O2gkIiHg00qsdeL\n"
                                  "FW0wCgYIKoZIzj0EAwIDRwAwRAIgMQ8oGYRbMKG5hjNv+aPueeV1IdVWqI0i4war\n"
                                  "ByWFV+wCIEtCSAJyWcZnfGj3UZt8Zb4hFqxRTepOSpLBkTNrkKxV\n"
                                  "-----END CERTIFICATE-----\n";

static const char pem_key[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeftyGs7Ra25g/Lf4\n"
                              "TWF2GEeVRtbxdf1rDCt0Byf/2/yhRANCAARSomMpChe9V+Ym3ufgBB0wHf98GCoP\n"
                              "3YxcXtVj9+f347pNEmHFVL6ZxTEc3jF7zJC1j5EqNWMJxt83eieM6DmS\n"
                              "-----END PRIVATE KEY-----\n";

#endif
