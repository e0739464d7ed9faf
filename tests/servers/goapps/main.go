// Two more of Go's WebSocket libraries, each in the program a user of it writes first:
//
//	goapps PROGRAM HOST PORT OPTIONS
//
// PROGRAM is melody or gobwas; OPTIONS is JSON, its durations are in milliseconds. What a client says is what the
// server does; anything else comes back.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

type options struct {
	PongWait, PingPeriod, WriteWait, Buffer int   // melody: its clocks, and how many messages wait for a client
	MaxMessage                              int64 // melody: bytes of a message
	Stop                                    []any // melody: the code and reason for everybody on SIGTERM
	Idle                                    int   // gobwas: the read deadline that every message puts off
	Kernel                                  int   // bytes the kernel holds for one client
}

func ms(number int) time.Duration { return time.Duration(number) * time.Millisecond }

func main() {
	var given options
	if err := json.Unmarshal([]byte(os.Args[4]), &given); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	map[string]func(*http.ServeMux, options){"melody": rooms, "gobwas": bare}[os.Args[1]](mux, given)
	server := &http.Server{Handler: mux}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if tcp, plain := conn.(*net.TCPConn); plain && state == http.StateNew && given.Kernel > 0 {
			_ = tcp.SetWriteBuffer(given.Kernel)
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Args[2], os.Args[3]))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(server.Serve(listener))
}
