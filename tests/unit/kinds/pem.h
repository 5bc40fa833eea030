/* Self-signed certificates for a.example and www.a.example, one that is due (1600 to 2100) and one of the
 * time to come (2100 to 2200), with their key, plain and encrypted. Made for these tests: x509_self_signed()
 * makes none of the sort. */
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

/* With the password "x", in both forms that there are. */
static const char pem_key_encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                        "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjEmf9dywXZfQICCAAw\n"
                                        "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGdyCzn5DHq/VVWTdwfJoCUEgZB2\n"
                                        "9FXSJ8yr4YK3vla7CwFe4mHU4dY/D/wRlYsFkwNoNH1Gtei2Vs1zwYdHsZi+Ofbk\n"
                                        "GhrbIOJ6xLRtzrrFzRQ5v6Iddic7EEKpc8LPZrYd452nqIqkQb4ySDzS+m3ExfEn\n"
                                        "aeHPv8sdQCyYcrbn30qSPkO7yDkol54Am1SLjJVLjc9OR0IWHCw4REEaNlWJGjo=\n"
                                        "-----END ENCRYPTED PRIVATE KEY-----\n";

static const char pem_key_encrypted_old[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,48CC2014CD7CD49A8BD5BF21A4A95A79\n"
    "\n"
    "qvn1antO7Lr/ZuBWT3uyQ3LRGLoTPQhI6ZbPXFHf+8uw5lybR6I42itS6gwIBYbn\n"
    "8Mqr3iyb9GafGtmuEFi/HtueJKJp2cd4k/K1/ujKE4qyAqIoEVryg0UGAYUEISCv\n"
    "jLKA1HvMVRyoBnClh7RU5TYOYHW08+urUV/tFRWlz54=\n"
    "-----END EC PRIVATE KEY-----\n";

#endif
