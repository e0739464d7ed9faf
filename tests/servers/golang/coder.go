package main

// coder/websocket (once nhooyr.io/websocket): everything has a context, and a context that ends ends the connection.
// What a client says is what the server does: return (the handler ends, CloseNow), fail (Close 1011 as in its echo
// example), panic (net/http recovers it), close CODE REASON; anything else comes back.

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

func coderWebsocket(mux *http.ServeMux, given options) func() {
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: given.Subprotocols})
		if err != nil {
			log.Print(err)
			return
		}
		defer conn.CloseNow()
		if len(given.Subprotocols) > 0 && conn.Subprotocol() == "" {
			conn.Close(websocket.StatusPolicyViolation, "client must speak the "+given.Subprotocols[0]+" subprotocol")
			return
		}
		if given.ReadLimit > 0 {
			conn.SetReadLimit(given.ReadLimit)
		}
		life, cancel := context.WithCancel(context.Background())
		if given.MaxAge > 0 {
			life, cancel = context.WithTimeout(life, ms(given.MaxAge))
		}
		defer cancel()
		if given.PingPeriod > 0 {
			go keepAlive(life, cancel, conn, given)
		}
		if given.Says > 0 {
			go news(life, conn, given)
		}
		log.Print(obey(life, conn, given))
	})
	return func() {}
}

func keepAlive(life context.Context, cancel func(), conn *websocket.Conn, given options) {
	for life.Err() == nil {
		time.Sleep(ms(given.PingPeriod))
		patience, done := context.WithTimeout(life, ms(given.PongWait))
		if err := conn.Ping(patience); err != nil {
			log.Print(err)
			cancel()
		}
		done()
	}
}

func news(life context.Context, conn *websocket.Conn, given options) {
	for life.Err() == nil {
		time.Sleep(ms(given.Says))
		_ = conn.Write(life, websocket.MessageText, []byte("news"))
	}
}

func obey(life context.Context, conn *websocket.Conn, given options) error {
	for {
		patience, done := context.WithCancel(life)
		if given.ReadWait > 0 {
			patience, done = context.WithTimeout(life, ms(given.ReadWait))
		}
		kind, message, err := conn.Read(patience)
		done()
		if err != nil {
			return err
		}
		switch words := strings.SplitN(string(message), " ", 3); words[0] {
		case "return":
			return nil
		case "fail":
			return conn.Close(websocket.StatusInternalError, "the sky is falling")
		case "panic":
			panic("runtime error: invalid memory address or nil pointer dereference")
		case "close":
			var code int
			_, _ = fmt.Sscan(words[1], &code)
			return conn.Close(websocket.StatusCode(code), strings.Join(words[2:], ""))
		}
		if err := conn.Write(life, kind, message); err != nil {
			return err
		}
	}
}
