/*
 * The C peer: spdylay's session and header blocks under the load of `load.ts`.
 *
 *     peer requests|encode|decode CLIENT_COMPRESSES SERVER_COMPRESSES
 *
 * Reads a number of milliseconds from each line of its input, works for that time
 * and prints units per second of its own CPU time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spdylay_frame.h"
#include "spdylay_session.h"

#define IN_FLIGHT 100
#define BODY_LENGTH 1024
#define LISTS 2000

typedef struct {
  uint8_t *bytes;
  size_t length, capacity;
} pipe_t;

static pipe_t to_server, to_client;
static uint8_t body[BODY_LENGTH];
static long done, next_request;
static size_t received;

static void check(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "spdylay peer: %s\n", what);
  exit(1);
}

static double cpu_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

/* The headers of `requestHeaders`; `path` is memory for the one that changes. */
static void request_headers(const char *nv[25], char path[64], long index) {
  static const char *const rest[] = {
    ":scheme", "https",
    ":host", "www.example.com",
    ":version", "HTTP/1.1",
    "accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-encoding", "gzip, deflate, br, x",
    "accept-language", "en-US,en;q=0.8",
    "cache-control", "max-age=0",
    "cookie",
    "session=0a1b2c3d4e5f60718293a4b5c6d7e8f9; theme=dark; lang=en; "
    "cart=7f3e2d1c0b9a8877; _ga=GA1.2.1093847561.1700000000",
    "referer",
    "https://www.example.com/catalogue/overview/index.html?sort=price&"
    "page=000012&view=list",
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/118.0.0.0 Safari/537.36",
    NULL,
  };
  sprintf(path, "/catalogue/items/%06ld/details?page=%04ld&x=1",
          index * 7919 % 1000000, index % 10000);
  nv[0] = ":method";
  nv[1] = "GET";
  nv[2] = ":path";
  nv[3] = path;
  memcpy(nv + 4, rest, sizeof(rest));
}

static ssize_t send_to(spdylay_session *session, const uint8_t *data,
                       size_t length, int flags, void *user_data) {
  pipe_t *pipe = user_data;
  (void)session, (void)flags;
  if (pipe->length + length > pipe->capacity) {
    pipe->capacity = 2 * (pipe->length + length);
    pipe->bytes = realloc(pipe->bytes, pipe->capacity);
    check(pipe->bytes != NULL, "out of memory");
  }
  memcpy(pipe->bytes + pipe->length, data, length);
  pipe->length += length;
  return length;
}

static void submit_request(spdylay_session *session) {
  const char *nv[25];
  char path[64];
  request_headers(nv, path, next_request++);
  check(spdylay_submit_request(session, 3, nv, NULL, NULL) == 0, "request");
}

static ssize_t read_body(spdylay_session *session, int32_t stream_id,
                         uint8_t *bytes, size_t length, int *eof,
                         spdylay_data_source *source, void *user_data) {
  (void)session, (void)stream_id, (void)length, (void)source, (void)user_data;
  memcpy(bytes, body, BODY_LENGTH);
  *eof = 1;
  return BODY_LENGTH;
}

static void on_request(spdylay_session *session, int32_t stream_id,
                       void *user_data) {
  char etag[32];
  const char *nv[] = {
    ":status", "200 OK",
    ":version", "HTTP/1.1",
    "content-type", "text/plain; charset=utf-8",
    "content-length", "1024",
    "date", "Mon, 23 Nov 2026 02:17:00 GMT",
    "etag", etag,
    NULL,
  };
  spdylay_data_provider provider = {.read_callback = read_body};
  (void)user_data;
  sprintf(etag, "\"%lx\"", stream_id * 104729L % 0xffffff);
  check(spdylay_submit_response(session, stream_id, nv, &provider) == 0,
        "response");
}

static void on_data(spdylay_session *session, uint8_t flags, int32_t stream_id,
                    const uint8_t *data, size_t length, void *user_data) {
  (void)session, (void)flags, (void)stream_id, (void)data, (void)user_data;
  received += length;
}

static void on_close(spdylay_session *session, int32_t stream_id,
                     spdylay_status_code status, void *user_data) {
  (void)stream_id, (void)status, (void)user_data;
  check(received == BODY_LENGTH * (size_t)++done, "bytes are lost");
  submit_request(session);
}

/* Clients of spdylay store header blocks and servers deflate them; this chooses. */
static void set_compression(spdylay_session *session, int compresses) {
  spdylay_zlib_deflate_free(&session->hd_deflater);
  check(spdylay_zlib_deflate_hd_init(&session->hd_deflater, compresses,
                                     SPDYLAY_PROTO_SPDY3) == 0, "deflate");
}

static spdylay_session *client, *server;

static void open_sessions(int client_compresses, int server_compresses) {
  spdylay_session_callbacks of_client = {
    .send_callback = send_to,
    .on_data_chunk_recv_callback = on_data,
    .on_stream_close_callback = on_close,
  };
  spdylay_session_callbacks of_server = {
    .send_callback = send_to,
    .on_request_recv_callback = on_request,
  };
  check(spdylay_session_client_new(&client, SPDYLAY_PROTO_SPDY3, &of_client,
                                   &to_server) == 0, "client");
  check(spdylay_session_server_new(&server, SPDYLAY_PROTO_SPDY3, &of_server,
                                   &to_client) == 0, "server");
  set_compression(client, client_compresses);
  set_compression(server, server_compresses);
}

static long exchange(void) {
  long before = done;
  check(spdylay_session_send(client) == 0, "send");
  check(spdylay_session_mem_recv(server, to_server.bytes, to_server.length) >= 0,
        "receive");
  to_server.length = 0;
  check(spdylay_session_send(server) == 0, "send");
  check(spdylay_session_mem_recv(client, to_client.bytes, to_client.length) >= 0,
        "receive");
  to_client.length = 0;
  return done - before;
}

/* Frames with the lists as a session has them when it encodes: copied and sorted. */
static spdylay_syn_stream frames[LISTS];
static uint8_t *wire, *headers;
static size_t wire_capacity, headers_capacity;
static uint8_t *blocks[LISTS];
static size_t block_lengths[LISTS];

static void prepare_frames(void) {
  for (long index = 0; index < LISTS; index++) {
    const char *nv[25];
    char path[64];
    request_headers(nv, path, index);
    spdylay_frame_syn_stream_init(&frames[index], SPDYLAY_PROTO_SPDY3, 1,
                                  2 * index + 1, 0, 3,
                                  spdylay_frame_nv_norm_copy(nv));
  }
}

static spdylay_zlib deflater;

static long encode(void) {
  for (int index = 0; index < LISTS; index++) {
    ssize_t length = spdylay_frame_pack_syn_stream(
      &wire, &wire_capacity, &headers, &headers_capacity, &frames[index],
      &deflater);
    check(length > 18, "pack");
    if (blocks[index] != NULL) continue;
    block_lengths[index] = length;
    blocks[index] = malloc(length);
    memcpy(blocks[index], wire, length);
  }
  return LISTS;
}

static long decode(void) {
  spdylay_zlib inflater;
  spdylay_buffer buffer;
  check(spdylay_zlib_inflate_hd_init(&inflater, SPDYLAY_PROTO_SPDY3) == 0,
        "inflate");
  spdylay_buffer_init(&buffer, 4096);
  for (int index = 0; index < LISTS; index++) {
    spdylay_syn_stream frame;
    const uint8_t *bytes = blocks[index];
    spdylay_buffer_reset(&buffer);
    check(spdylay_zlib_inflate_hd(&inflater, &buffer, bytes + 18,
                                  block_lengths[index] - 18) >= 0, "inflate");
    check(spdylay_frame_unpack_syn_stream(&frame, bytes, 8, bytes + 8, 10,
                                          &buffer) == 0, "unpack");
    spdylay_frame_syn_stream_free(&frame);
  }
  spdylay_buffer_free(&buffer);
  spdylay_zlib_inflate_free(&inflater);
  return LISTS;
}

int main(int count, char **arguments) {
  check(count == 4, "usage: requests|encode|decode CLIENT SERVER");
  long (*work)(void) = exchange;
  int client_compresses = atoi(arguments[2]);
  memset(body, 'x', sizeof(body));
  if (strcmp(arguments[1], "requests") == 0) {
    open_sessions(client_compresses, atoi(arguments[3]));
    for (int index = 0; index < IN_FLIGHT; index++) submit_request(client);
  } else {
    prepare_frames();
    check(spdylay_zlib_deflate_hd_init(&deflater, client_compresses,
                                       SPDYLAY_PROTO_SPDY3) == 0, "deflate");
    encode();
    work = strcmp(arguments[1], "encode") == 0 ? encode : decode;
  }
  char line[64];
  while (fgets(line, sizeof(line), stdin) != NULL) {
    double wanted = atof(line) / 1000, begin = cpu_time(), elapsed;
    long units = 0;
    do units += work();
    while ((elapsed = cpu_time() - begin) < wanted);
    printf("%f\n", units / elapsed);
    fflush(stdout);
  }
  return 0;
}
