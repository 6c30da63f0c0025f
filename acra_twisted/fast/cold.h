/* Read before each file that mypyc writes: what its code calls where it fails is rarely called, so
 * the compiler puts the way there apart from the rest, which then takes less of the processor's
 * caches.  Measured in docs/performance-notes.rst.
 */
#include <Python.h>

void CPy_AddTraceback(const char *filename, const char *funcname, int line, PyObject *globals)
    __attribute__((cold));
static void CPy_DecRef(PyObject *p) __attribute__((cold));
