/* SPDX-License-Identifier: MIT */
#ifndef MODEL_RUN_OBJECT_H
#define MODEL_RUN_OBJECT_H

#include "base/strbuf.h"
#include "model/record.h"

/* Append a run as the service shows it: all its fields, and the links that follow from them. */
void run_object_write(struct strbuf *buf, const struct tel_record *record);

#endif
