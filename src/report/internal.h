/* The style sheet, embedded when the library is built. */
#ifndef CLADE_REPORT_INTERNAL_H
#define CLADE_REPORT_INTERNAL_H

extern const char clade__report_style[];

#endif
