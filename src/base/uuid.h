/* SPDX-License-Identifier: MIT
 *
 * Random identifiers from libuuid, which reads the kernel's generator and survives fork().
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#define UUID_SIZE 37

/* Write a new UUID v4 in lower case. */
void uuid_make(char out[UUID_SIZE]);

/* Write 8 random hex digits. */
void random_hex8(char out[9]);

#endif
