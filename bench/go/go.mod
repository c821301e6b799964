module example.invalid/spdystream-peer

go 1.20

require github.com/moby/spdystream v0.5.1
