#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Run by ../cutoff.host after the cut.

PYTHONDONTWRITEBYTECODE=1 exec "$WARD_TOP/tests/crash/survived.py" "$WARD_DISK1" "$WARD_LOWER" "$(cat "$WARD_OUT/seed")" \
	"$WARD_OUT/marks" "$WARD_OUT/side"
