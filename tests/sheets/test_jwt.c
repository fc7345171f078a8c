/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "sheets/jwt.h"
#include "support/rsa_key.h"

#define CLAIMS "{\"iss\":\"somebody\"}"

static void jwt_sign__signs_header_and_claims(void **state)
{
    static const char *const ids[] = {"key \"1\"", NULL};
    static const char *const headers[] =
        {"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"key \\\"1\\\"\"}",
         "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *token;
        char *part;

        assert_int_equal(jwt_sign(&token, CLAIMS, rsa_key_pem(), ids[i], NULL), TEL_OK);
        assert_true(rsa_key_signed(token));
        assert_null(strpbrk(token, "=+/"));
        part = jwt_part(token, 0);
        assert_string_equal(part, headers[i]);
        free(part);
        part = jwt_part(token, 1);
        assert_string_equal(part, CLAIMS);
        free(part);
        token[4] ^= 1;
        assert_false(rsa_key_signed(token));
        free(token);
    }
}

static void jwt_sign__encodes_any_length(void **state)
{
    char claims[40];

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        char *token;
        char *part;

        (void)snprintf(claims, sizeof claims, "{\"a\":\"%.*s\"}", (int)i, "\x7f~?>>>??o\xc3\xbf");
        assert_int_equal(jwt_sign(&token, claims, rsa_key_pem(), NULL, NULL), TEL_OK);
        part = jwt_part(token, 1);
        assert_string_equal(part, claims);
        free(part);
        free(token);
    }
}

static char *pem_of(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = calloc(1, 8192);

    assert_non_null(bio);
    assert_non_null(pem);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, "pass", cipher ? 4 : 0, NULL,
                                                   NULL),
                     1);
    assert_true(BIO_read(bio, pem, 8191) > 0);
    (void)BIO_free(bio);
    EVP_PKEY_free(key);
    return pem;
}

static void jwt_sign__refuses_a_key_that_cannot_sign_and_does_not_tell_it(void **state)
{
    char *keys[] = {
        strdup(""),
        strdup("s3cret"),
        strdup("-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"),
        pem_of(EVP_RSA_gen(1024), NULL),
        pem_of(EVP_EC_gen("P-256"), NULL),
        pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL),
        pem_of(EVP_RSA_gen(2048), EVP_aes_128_cbc()), /* asks for a passphrase */
    };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        tel_fault fault = {0};
        char *token;

        assert_int_equal(jwt_sign(&token, CLAIMS, keys[i], NULL, &fault), TEL_E_INVALID);
        assert_null(token);
        assert_memory_equal(fault.text, "private_key must be an RSA key", 30);
        assert_null(strstr(fault.text, "s3cret"));
        free(keys[i]);
    }
}

static void jwt_sign__leaves_the_hosts_openssl_errors_alone(void **state)
{
    char *token;

    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    assert_int_equal(jwt_sign(&token, CLAIMS, "no key", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
    assert_int_equal(ERR_get_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwt_sign__signs_header_and_claims),
        cmocka_unit_test(jwt_sign__encodes_any_length),
        cmocka_unit_test(jwt_sign__refuses_a_key_that_cannot_sign_and_does_not_tell_it),
        cmocka_unit_test(jwt_sign__leaves_the_hosts_openssl_errors_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
