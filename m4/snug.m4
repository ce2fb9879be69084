dnl SPDX-License-Identifier: ISC
dnl
dnl Checks that gather what is missing, so that a person is told once, with one
dnl line to type, and not library by library.

dnl SNUG_MISSING(what, Debian package)
AC_DEFUN([SNUG_MISSING],
  [AS_VAR_APPEND([snug_missing], ["
  $1 (Debian: $2)"])
  AS_CASE(["$snug_packages "], [*" $2 "*], [],
    [AS_VAR_APPEND([snug_packages], [" $2"])])])

dnl SNUG_LIB(variable, pkg-config module with version, Debian package)
AC_DEFUN([SNUG_LIB],
  [PKG_CHECK_MODULES([$1], [$2], [], [SNUG_MISSING([$2], [$3])])])

dnl SNUG_HEADER(header, test for #if, what, Debian package)
dnl For what pkg-config does not know, or knows wrongly.
AC_DEFUN([SNUG_HEADER],
  [AC_MSG_CHECKING([for $3])
  AC_PREPROC_IFELSE([AC_LANG_SOURCE([
#include <$1>
#if !($2)
#error "too old"
#endif
])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
    SNUG_MISSING([$3], [$4])])])

dnl SNUG_END_OF_LIBS: the one error for all of them.
AC_DEFUN([SNUG_END_OF_LIBS],
  [AS_IF([test -n "$snug_missing"],
    [AC_MSG_ERROR([missing:$snug_missing

On Debian, this brings them: apt install$snug_packages
])])])

dnl SNUG_FLAG(variable, flag): adds the flag where compiler and linker take it.
AC_DEFUN([SNUG_FLAG],
  [AC_MSG_CHECKING([whether $CC takes $2])
  snug_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $2"
  AC_LINK_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1], [" $2"])],
    [AC_MSG_RESULT([no])])
  CFLAGS=$snug_save_CFLAGS])
