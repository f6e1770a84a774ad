# One module is one static library in one layer. Arrows point down: `clade_module` refuses, when the
# build is configured, a dependency that is not in a lower layer, and an #include of a public header
# that belongs to a module which was not declared in USES.
#
#   clade_module(ingest LAYER 2 SOURCES a.c b.c USES base store HEADERS ingest.h LIBRARIES zstd)

# Cutting a text at the size of its buffer is what snprintf is for: no -Wformat-truncation.
set(CLADE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Werror -Wno-format-truncation
    -ffp-contract=off)

if(CMAKE_C_COMPILER_ID MATCHES "Clang") # builds the fuzz targets; gcc is the one that must be silent
  list(REMOVE_ITEM CLADE_WARNINGS -Werror)
  list(APPEND CLADE_WARNINGS -Wno-unknown-warning-option -Wno-format-nonliteral)
endif()

function(clade_compile_options target)
  target_compile_options(${target} PRIVATE ${CLADE_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(CLADE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${CLADE_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=${CLADE_SANITIZE})
  endif()
  if(CLADE_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PUBLIC --coverage)
  endif()
  if(CLADE_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

function(clade_module name)
  cmake_parse_arguments(M "" "LAYER" "SOURCES;USES;HEADERS;LIBRARIES;INCLUDES" ${ARGN})
  foreach(used IN LISTS M_USES)
    get_property(layer GLOBAL PROPERTY CLADE_LAYER_${used})
    if(NOT DEFINED layer OR layer STREQUAL "")
      message(FATAL_ERROR "module ${name} uses ${used}, which is not defined before it")
    endif()
    if(NOT layer LESS M_LAYER)
      message(FATAL_ERROR "module ${name} (layer ${M_LAYER}) uses ${used} (layer ${layer}): arrows "
                          "point down only")
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY CLADE_LAYER_${name} ${M_LAYER})
  foreach(header IN LISTS M_HEADERS)
    set_property(GLOBAL PROPERTY CLADE_OWNER_${header} ${name})
  endforeach()
  clade_check_includes(${name} "${M_USES}" ${M_SOURCES})

  add_library(clade_${name} STATIC ${M_SOURCES})
  target_include_directories(clade_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
                             PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_include_directories(clade_${name} SYSTEM PRIVATE ${M_INCLUDES})
  foreach(used IN LISTS M_USES)
    target_link_libraries(clade_${name} PUBLIC clade_${used})
  endforeach()
  target_link_libraries(clade_${name} PRIVATE ${M_LIBRARIES})
  clade_compile_options(clade_${name})
endfunction()

# Every `#include "clade/x.h"` in a module's sources must be its own or of a module in USES.
function(clade_check_includes name uses)
  foreach(source IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} lines REGEX "^#include \"clade/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE ".*\"clade/([a-z0-9_]+\\.h)\".*" "\\1" header "${line}")
      get_property(owner GLOBAL PROPERTY CLADE_OWNER_${header})
      if(NOT owner STREQUAL name AND NOT owner IN_LIST uses)
        message(FATAL_ERROR "${source} includes clade/${header}, which belongs to '${owner}'; module "
                            "${name} may use only: ${uses}")
      endif()
    endforeach()
  endforeach()
endfunction()

# A test program of one file: clade_test(ingest/test_csv USES ingest LABELS fast)
function(clade_test path)
  cmake_parse_arguments(T "" "TIMEOUT" "USES;LABELS;LIBRARIES;SOURCES" ${ARGN})
  string(REPLACE "/" "_" target ${path})
  add_executable(${target} ${path}.c ${T_SOURCES})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support
                             ${CMAKE_SOURCE_DIR}/src)
  foreach(used IN LISTS T_USES)
    target_link_libraries(${target} PRIVATE clade_${used})
  endforeach()
  target_link_libraries(${target} PRIVATE clade_check cmocka m ${T_LIBRARIES})
  clade_compile_options(${target})
  add_test(NAME ${path} COMMAND ${target})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  if(NOT T_LABELS)
    set(T_LABELS fast)
  endif()
  set_tests_properties(${path} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
    SKIP_RETURN_CODE 77
    ENVIRONMENT "OMP_WAIT_POLICY=passive;CLADE_DATA=${CLADE_DATA};CLADE_BINARY=${CMAKE_BINARY_DIR}/apps/clade;CLADE_SOURCE=${CMAKE_SOURCE_DIR};LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp;TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/tsan.supp ignore_noninstrumented_modules=1 detect_deadlocks=0")
endfunction()
