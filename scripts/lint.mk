# SPDX-License-Identifier: BSD-3-Clause
# The checks that look at one file at a time. A stamp per file under build/lint hangs on the file's
# object, which make rebuilds when the file or a header it includes changed: so nothing is checked twice.
