#include "report.h"

#define CODE(name, code)                                                                                     \
    const char *style_##name(const struct report_style *s)                                                   \
    {                                                                                                        \
        return s && s->colour ? code : "";                                                                   \
    }
CODE(bold, "\033[1m")
CODE(dim, "\033[2m")
CODE(red, "\033[31m")
CODE(green, "\033[32m")
CODE(yellow, "\033[33m")
CODE(off, "\033[0m")
