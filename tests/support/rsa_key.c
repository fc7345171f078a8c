/* SPDX-License-Identifier: MIT */
#include "support/rsa_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "support/scratch.h"

#define BYTES_MAX 65536

static char pem[8192];
static EVP_PKEY *key;

static void die(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

const char *rsa_key_pem(void)
{
    BIO *bio;
    int length;

    if (key)
        return pem;
    key = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());
    if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        die("cannot make a key");
    length = BIO_read(bio, pem, (int)sizeof pem - 1);
    pem[length > 0 ? length : 0] = '\0';
    (void)BIO_free(bio);
    return pem;
}

/* Decode base64 for URLs; return the number of bytes. */
static size_t decode(unsigned char *out, const char *text, size_t length)
{
    char padded[BYTES_MAX];
    size_t size = (length + 3) / 4 * 4;
    int count;

    if (size >= sizeof padded)
        die("too long");
    for (size_t i = 0; i < size; i++) {
        char c = i < length ? text[i] : '=';

        padded[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    count = EVP_DecodeBlock(out, (unsigned char *)padded, (int)size);
    return count < 0 ? 0 : (size_t)count - (size - length);
}

bool rsa_key_signed(const char *token)
{
    unsigned char signature[BYTES_MAX];
    const char *last = strrchr(token, '.');
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    size_t length;
    bool is_signed;

    if (!last || !digest || strcspn(token, ".") == (size_t)(last - token))
        die("no token in three parts");
    length = decode(signature, last + 1, strlen(last + 1));
    is_signed = EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(digest, signature, length, (const unsigned char *)token,
                                 (size_t)(last - token)) == 1;
    EVP_MD_CTX_free(digest);
    return is_signed;
}

char *jwt_part(const char *token, int part)
{
    unsigned char text[BYTES_MAX];
    const char *begin = part == 0 ? token : strchr(token, '.') + 1;

    return strndup((char *)text, decode(text, begin, strcspn(begin, ".")));
}

void key_file_write(const char *path, const char *token_uri)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(BYTES_MAX);

    strbuf_puts(&text,
                "{\"type\":\"service_account\",\"private_key_id\":\"key-1\",\"private_key\":");
    json_write_string(&text, rsa_key_pem());
    strbuf_puts(&text, ",\"client_email\":\"robot@example.iam.gserviceaccount.com\"");
    if (token_uri) {
        strbuf_puts(&text, ",\"token_uri\":");
        json_write_string(&text, token_uri);
    }
    strbuf_putc(&text, '}');
    if (strbuf_failed(&text))
        die("key file");
    scratch_write(path, text.text);
}
