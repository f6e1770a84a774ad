# Where each outside library is found. `scripts/setup` installs all of them; an existing DuckDB is
# taken from DUCKDB_ROOT (lib/libduckdb.so and include/duckdb.h below it).

find_package(Threads REQUIRED)

set(DUCKDB_ROOT "$ENV{DUCKDB_ROOT}" CACHE PATH "Folder that holds lib/libduckdb.so, include/duckdb.h")
if(NOT DUCKDB_ROOT AND DEFINED ENV{DUCKDB_ROOT})
  set(DUCKDB_ROOT "$ENV{DUCKDB_ROOT}") # an earlier configuration without it kept an empty one
endif()
if(NOT DUCKDB_ROOT)
  set(DUCKDB_ROOT ${CMAKE_SOURCE_DIR}/third_party/duckdb)
endif()
find_library(DUCKDB_LIBRARY duckdb PATHS ${DUCKDB_ROOT}/lib NO_DEFAULT_PATH)
find_path(DUCKDB_INCLUDE duckdb.h PATHS ${DUCKDB_ROOT}/include NO_DEFAULT_PATH)
if(NOT DUCKDB_LIBRARY OR NOT DUCKDB_INCLUDE)
  message(FATAL_ERROR "DuckDB was not found below ${DUCKDB_ROOT}: run scripts/setup, or set "
                      "DUCKDB_ROOT to a folder that has lib/libduckdb.so and include/duckdb.h")
endif()

foreach(library sodium zstd z xxhash xgboost microhttpd)
  string(TOUPPER ${library} upper)
  find_library(${upper}_LIBRARY ${library} REQUIRED)
endforeach()

# Optional: without it every training is one rank, and the tests of ranks skip with a word.
find_package(MPI QUIET COMPONENTS C)

# Real shop logs for the tests; those that need them skip with a word when they are absent.
if(DEFINED ENV{CLADE_DATA})
  set(CLADE_DATA "$ENV{CLADE_DATA}")
else()
  get_filename_component(CLADE_DATA ${CMAKE_SOURCE_DIR}/../shared/data ABSOLUTE)
endif()

function(clade_print_summary)
  message(STATUS "clade ${PROJECT_VERSION}")
  message(STATUS "  DuckDB     ${DUCKDB_LIBRARY}")
  message(STATUS "  XGBoost    ${XGBOOST_LIBRARY}")
  if(MPI_C_FOUND)
    message(STATUS "  MPI        ${MPI_C_LIBRARIES}")
  else()
    message(STATUS "  MPI        not found: one rank (libopenmpi-dev and openmpi-bin bring it)")
  endif()
  if(CLADE_CONSOLE_WHY)
    message(STATUS "  console    ${CLADE_CONSOLE_WHY}")
  else()
    message(STATUS "  console    built by node ${node_version}")
  endif()
  message(STATUS "  real data  ${CLADE_DATA}")
  message(STATUS "  sanitizers ${CLADE_SANITIZE}")
endfunction()
