// Go's WebSocket servers, each the program a user of its library writes first:
//
//	ground PROGRAM PORT OPTIONS
//
// PROGRAM is gorilla, coder or centrifuge; OPTIONS is JSON, its durations are in milliseconds. SIGTERM has net/http
// shut down in order (which leaves WebSockets alone) and the process end.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	PongWait, PingPeriod, WriteWait        int      // gorilla and coder: the clocks of the chat example
	ReadWait, MaxAge, Says, Stale, Expires int      // when a connection ends by itself, and how often it hears news
	ReadLimit                              int64    // bytes of a message
	PerAddress, Queue                      int      // connections from one address; bytes that wait for one client
	Kernel                                 int      // bytes the kernel holds for one client
	One                                    bool     // a user's newer connection takes the older one's place
	Subprotocols                           []string // coder: what a client must speak
	HTTPTimeout                            int      // net/http's ReadTimeout, WriteTimeout and IdleTimeout
	Cert, Key                              string   // files: TLS
}

func ms(number int) time.Duration { return time.Duration(number) * time.Millisecond }

func main() {
	var given options
	if err := json.Unmarshal([]byte(os.Args[3]), &given); err != nil {
		log.Fatal(err)
	}
	programs := map[string]func(*http.ServeMux, options) func(){
		"gorilla": gorilla, "coder": coderWebsocket, "centrifuge": centrifugeNode,
	}
	mux := http.NewServeMux()
	stop := programs[os.Args[1]](mux, given)
	patience := ms(given.HTTPTimeout)
	server := &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if tcp, plain := conn.(*net.TCPConn); plain && state == http.StateNew && given.Kernel > 0 {
			_ = tcp.SetWriteBuffer(given.Kernel)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	fmt.Println("listening")
	go func() {
		if given.Cert != "" {
			log.Print(server.ServeTLS(listener, given.Cert, given.Key))
		} else {
			log.Print(server.Serve(listener))
		}
	}()
	<-told
	patient, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	stop()
	_ = server.Shutdown(patient)
}

// grow takes memory until there is no more.
func grow() {
	var taken [][]byte
	for {
		block := make([]byte, 64<<20)
		for at := range block {
			block[at] = 1
		}
		taken = append(taken, block)
		_ = taken
	}
}
