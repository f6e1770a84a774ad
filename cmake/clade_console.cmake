# The pages of the web console (console/), built by Vite and packed into one C file for the server.
#
# Needs node (18 or newer) and npm. Where one of them is absent, or with -DCLADE_CONSOLE=OFF, the
# server answers at / that the console was not built, and everything else works.

option(CLADE_CONSOLE "Build the web console where node and npm are there" ON)
find_program(NODE_PROGRAM NAMES node nodejs)
find_program(NPM_PROGRAM npm)
set(CLADE_CONSOLE_WHY "")
if(NOT CLADE_CONSOLE)
  set(CLADE_CONSOLE_WHY "not built: CLADE_CONSOLE is OFF")
elseif(NOT NODE_PROGRAM OR NOT NPM_PROGRAM)
  set(CLADE_CONSOLE_WHY "not built: no node or no npm (apt-get install nodejs npm)")
else()
  execute_process(COMMAND ${NODE_PROGRAM} --version OUTPUT_VARIABLE node_version
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX REPLACE "^v" "" node_version "${node_version}")
  if(node_version VERSION_LESS 18)
    set(CLADE_CONSOLE_WHY "not built: node ${node_version} is older than 18")
  endif()
endif()

# clade_console(OUT document.json): OUT.c defines clade__pages, from a document of the API.
function(clade_console out document)
  set(console ${CMAKE_SOURCE_DIR}/console)
  if(CLADE_CONSOLE_WHY)
    file(CONFIGURE OUTPUT ${out} CONTENT
      "/* Generated: the console was not built. */\n#include \"console.h\"\nconst clade__page clade__pages[] = { { NULL, NULL, NULL, 0 } };\n")
    return()
  endif()
  set(installed ${console}/node_modules/.installed)
  set(dist ${CMAKE_CURRENT_BINARY_DIR}/console)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${console}/src/*.ts ${console}/src/*.tsx
       ${console}/src/*.css ${console}/src/*.svg ${console}/scripts/*.mjs)
  list(FILTER sources EXCLUDE REGEX "api\\.gen\\.ts$")
  add_custom_command(OUTPUT ${installed}
    COMMAND ${NPM_PROGRAM} ci --ignore-scripts --no-audit --no-fund --silent
    COMMAND ${CMAKE_COMMAND} -E touch ${installed}
    DEPENDS ${console}/package.json ${console}/package-lock.json
    WORKING_DIRECTORY ${console} VERBATIM
    COMMENT "Console: npm ci (no network? configure with -DCLADE_CONSOLE=OFF)")
  add_custom_command(OUTPUT ${out}
    COMMAND ${NODE_PROGRAM} scripts/api-types.mjs ${document} src/api.gen.ts
    COMMAND ${NODE_PROGRAM} node_modules/typescript/bin/tsc --noEmit
    COMMAND ${NODE_PROGRAM} node_modules/vite/bin/vite.js build --logLevel warn --emptyOutDir
            --outDir ${dist}
    COMMAND ${NODE_PROGRAM} scripts/embed.mjs ${dist} ${out}
    DEPENDS ${installed} ${sources} ${document} ${console}/index.html ${console}/vite.config.ts
            ${console}/tsconfig.json
    WORKING_DIRECTORY ${console} VERBATIM
    COMMENT "Console: types from the API's document, then the pages")
endfunction()
