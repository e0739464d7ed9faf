package main

// gobwas/ws: `panic` (in a goroutine of its own: it ends the process), `leave MS` (it reads no more and closes TCP
// after so long), `raw HEX` (bytes on the wire), `part HEX` (the same, and then TCP ends).

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func bare(mux *http.ServeMux, given options) {
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			fmt.Println(err)
			return
		}
		go func() {
			defer conn.Close()
			for obey(conn, given) {
			}
		}()
	})
}

func obey(conn net.Conn, given options) bool {
	if given.Idle > 0 {
		_ = conn.SetReadDeadline(time.Now().Add(ms(given.Idle)))
	}
	message, kind, err := wsutil.ReadClientData(conn)
	if err != nil {
		fmt.Println(err)
		return false
	}
	word, rest, _ := strings.Cut(string(message), " ")
	switch word {
	case "panic":
		panic("assignment to entry in nil map")
	case "leave":
		wait, _ := strconv.Atoi(rest)
		time.Sleep(ms(wait))
		return false
	case "raw", "part":
		data, _ := hex.DecodeString(rest)
		_, _ = conn.Write(data)
		return word == "raw"
	default:
		return wsutil.WriteServerMessage(conn, kind, message) == nil
	}
}
