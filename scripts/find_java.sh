#!/bin/sh
# Succeeds where a Java 17 or 21 is on this machine; ZHIXIANG_JAVA=extra hides it.
[ "${ZHIXIANG_JAVA:-}" = extra ] && exit 1
for java in "${JAVA_HOME:-/nonexistent}/bin/java" "$(command -v java 2>/dev/null)" /usr/lib/jvm/*/bin/java; do
  [ -x "$java" ] || continue
  case "$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')" in 17|21) exit 0 ;; esac
done
exit 1
