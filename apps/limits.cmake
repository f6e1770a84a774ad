# Every limit of the public headers, for `clade limits`: CLADE_..._MAX, CLADE_..._MAX_..., and the same
# with MIN. The comment behind a definition on its line becomes its explanation.
file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/clade/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
set(limit_includes "")
set(limit_rows "")
set(limit_name "CLADE_[A-Z0-9_]*(MAX|MIN)(_[A-Z0-9_]+)?")
foreach(header IN LISTS headers)
  get_filename_component(file ${header} NAME)
  file(READ ${header} text)
  string(REPLACE ";" "," text "${text}")
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  string(REGEX MATCHALL "(#define +|[,{ \n])${limit_name}( +| *= *)[^,}\n]+,?( */\\*[^*]*\\*/)?" found "${text}")
  set(any FALSE)
  foreach(one IN LISTS found)
    if(NOT one MATCHES "#define" AND NOT one MATCHES "=")
      continue()
    endif()
    string(REGEX MATCH "${limit_name}" name "${one}")
    set(about "")
    if(one MATCHES "/\\* *([^*]*[^* ]) *\\*/")
      string(REGEX REPLACE "[ \n]+" " " about "${CMAKE_MATCH_1}")
      string(REPLACE "\"" "'" about "${about}")
    endif()
    string(APPEND limit_rows "{ \"${name}\", (int64_t)(${name}), \"${about}\" },\n")
    set(any TRUE)
  endforeach()
  if(any)
    string(APPEND limit_includes "#include \"clade/${file}\"\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/limits_found.h CONTENT
"/* Made from the public headers by apps/limits.cmake. */
@limit_includes@
static const struct { const char *name; int64_t value; const char *about; } limits_found[] = {
@limit_rows@};
" @ONLY)
