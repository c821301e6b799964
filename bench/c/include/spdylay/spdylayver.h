/* In place of the header that spdylay's configure script writes. */
#ifndef SPDYLAYVER_H
#define SPDYLAYVER_H

#define SPDYLAY_VERSION "checkout"

#endif
