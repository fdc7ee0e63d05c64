# SPDX-License-Identifier: Apache-2.0
# The libraries, all from Debian. tools/install-deps.sh installs them; the two
# that Debian 12 lacks are kept below .deps/ (llhttp) or come from Debian 13.
list(PREPEND CMAKE_PREFIX_PATH "${CMAKE_SOURCE_DIR}/.deps/usr")
find_package(PkgConfig REQUIRED)

function(hearth_pkg name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${ARGN})
  add_library(lib_${name} INTERFACE)
  target_link_libraries(lib_${name} INTERFACE PkgConfig::${name})
endfunction()

hearth_pkg(yyjson yyjson)
hearth_pkg(uv libuv)
hearth_pkg(nghttp2 libnghttp2>=1.52)
hearth_pkg(ssl openssl>=3)
hearth_pkg(seccomp libseccomp)
hearth_pkg(sqlite sqlite3)
hearth_pkg(documents lept tesseract poppler-glib cairo libarchive libxml-2.0
  gmime-3.0 uchardet icu-uc icu-i18n)

# The static library, so that no newer libc is asked for.
find_path(LLHTTP_INCLUDE llhttp.h REQUIRED
  HINTS ${CMAKE_SOURCE_DIR}/.deps/usr/include)
find_library(LLHTTP_LIB libllhttp.a REQUIRED
  HINTS ${CMAKE_SOURCE_DIR}/.deps/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
add_library(lib_llhttp INTERFACE)
target_include_directories(lib_llhttp SYSTEM INTERFACE ${LLHTTP_INCLUDE})
target_link_libraries(lib_llhttp INTERFACE ${LLHTTP_LIB})
