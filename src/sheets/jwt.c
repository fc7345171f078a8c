/* SPDX-License-Identifier: MIT */
#include "sheets/jwt.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"

#define TOKEN_BYTES_MAX ((size_t)64 * 1024)
#define KEY_BITS_MIN 2048 /* as RFC 7518 demands of RS256 */

static void biop_free(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void keyp_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void digestp_free(EVP_MD_CTX **digest)
{
    EVP_MD_CTX_free(*digest);
}

/* Append in base64 for URLs: without padding. */
static void write_base64url(struct strbuf *buf, const void *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *next = bytes;

    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t group = (uint32_t)next[i] << 16;

        if (left > 1)
            group |= (uint32_t)next[i + 1] << 8;
        if (left > 2)
            group |= next[i + 2];
        strbuf_putc(buf, digits[group >> 18]);
        strbuf_putc(buf, digits[group >> 12 & 63]);
        if (left > 1)
            strbuf_putc(buf, digits[group >> 6 & 63]);
        if (left > 2)
            strbuf_putc(buf, digits[group & 63]);
    }
}

/* What is asked for the passphrase of a key that has one; OpenSSL would ask the terminal. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static tel_error read_key(EVP_PKEY **out, const char *pem, tel_fault *fault)
{
    CLEANUP(biop_free) BIO *bio = BIO_new_mem_buf(pem, -1);
    CLEANUP(keyp_free) EVP_PKEY *key = NULL;

    if (!bio)
        return fault_nomem(fault);
    key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    if (!key)
        return fault_set(fault, TEL_E_INVALID,
                         "private_key must be an RSA key in PEM form, without a passphrase");
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < KEY_BITS_MIN)
        return fault_set(fault, TEL_E_INVALID, "private_key must be an RSA key of %d bits or more",
                         KEY_BITS_MIN);
    *out = steal(&key);
    return TEL_OK;
}

static tel_error append_signature(struct strbuf *token, EVP_PKEY *key, tel_fault *fault)
{
    CLEANUP(digestp_free) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    CLEANUP(freep) unsigned char *signature = malloc((size_t)EVP_PKEY_get_size(key));
    size_t length = (size_t)EVP_PKEY_get_size(key);

    if (!digest || !signature)
        return fault_nomem(fault);
    if (EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(digest, signature, &length, (const unsigned char *)token->text,
                       token->length) != 1)
        return fault_set(fault, TEL_E_INVALID, "private_key cannot sign");
    strbuf_putc(token, '.');
    write_base64url(token, signature, length);
    return TEL_OK;
}

static void write_header(struct strbuf *header, const char *key_id)
{
    strbuf_puts(header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (key_id) {
        strbuf_puts(header, ",\"kid\":");
        json_write_string(header, key_id);
    }
    strbuf_putc(header, '}');
}

static tel_error sign(char **out, const char *claims, const char *private_key, const char *key_id,
                      tel_fault *fault)
{
    CLEANUP(keyp_free) EVP_PKEY *key = NULL;
    CLEANUP(strbuf_clear) struct strbuf header = STRBUF(TOKEN_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf token = STRBUF(TOKEN_BYTES_MAX);
    tel_error error = read_key(&key, private_key, fault);

    if (error)
        return error;
    write_header(&header, key_id);
    if (strbuf_failed(&header))
        return fault_nomem(fault);
    write_base64url(&token, header.text, header.length);
    strbuf_putc(&token, '.');
    write_base64url(&token, claims, strlen(claims));
    if (strbuf_failed(&token))
        return fault_nomem(fault);
    error = append_signature(&token, key, fault);
    if (error)
        return error;
    *out = strbuf_take(&token);
    return *out ? TEL_OK : fault_nomem(fault);
}

tel_error jwt_sign(char **out, const char *claims, const char *private_key, const char *key_id,
                   tel_fault *fault)
{
    tel_error error;

    *out = NULL;
    (void)ERR_set_mark(); /* the host may be in the middle of using OpenSSL on this thread */
    error = sign(out, claims, private_key, key_id, fault);
    (void)ERR_pop_to_mark();
    return error;
}
