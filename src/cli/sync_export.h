/* SPDX-License-Identifier: MIT
 *
 * The part of `telemetry sync` that exports runs to Google Sheets.
 */
#ifndef CLI_SYNC_EXPORT_H
#define CLI_SYNC_EXPORT_H

#include "cli/options.h"
#include "sheets/export.h"

/*
 * Export what the service would, when none runs that does; `all`: also what ended before the export
 * was switched on, or failed too often, whether a service runs or not. Nothing, and no failure, when
 * the export is off and not all is asked for.
 */
tel_error sync_export(const struct common_options *options, bool all, struct export_report *report,
                      tel_fault *fault);

#endif
