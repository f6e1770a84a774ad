/* What the files of base share with each other and nobody else. */
#ifndef CLADE_BASE_INTERNAL_H
#define CLADE_BASE_INTERNAL_H

/* Take the progress line off the terminal before words come. */
void clade__progress_hide(void);

#endif
