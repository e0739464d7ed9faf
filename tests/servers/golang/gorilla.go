package main

// The chat example of gorilla/websocket: a hub with a buffered channel for each client, a read deadline that pongs put
// off, a ping every PingPeriod, a write deadline. What a client says is what the server does: panic, grow, close CODE
// REASON, flood COUNT BYTES (to everybody else); anything else comes back.

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type chat struct {
	given   options
	mutex   sync.Mutex
	clients map[*talker]bool
}

type talker struct {
	chat          *chat
	conn          *websocket.Conn
	send          chan []byte
	address, user string
}

func gorilla(mux *http.ServeMux, given options) func() {
	room := &chat{given: given, clients: map[*talker]bool{}}
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		if given.PerAddress > 0 && room.from(address) >= given.PerAddress {
			http.Error(w, "too many connections from your address", http.StatusTooManyRequests)
			return
		}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		one := &talker{room, conn, make(chan []byte, 16), address, r.URL.Query().Get("user")}
		room.enter(one)
		go one.writePump()
		go one.readPump()
	})
	return func() {}
}

func (room *chat) from(address string) (count int) {
	room.mutex.Lock()
	defer room.mutex.Unlock()
	for one := range room.clients {
		if one.address == address {
			count++
		}
	}
	return
}

func (room *chat) enter(newer *talker) {
	room.mutex.Lock()
	defer room.mutex.Unlock()
	if room.given.One {
		for older := range room.clients {
			if older.user == newer.user {
				older.bye(4000, "replaced by a newer connection of the same user")
			}
		}
	}
	room.clients[newer] = true
}

func (room *chat) leave(one *talker) {
	room.mutex.Lock()
	defer room.mutex.Unlock()
	if room.clients[one] {
		delete(room.clients, one)
		close(one.send)
	}
}

// tell passes a message on; who is slow is dropped, as in the example.
func (room *chat) tell(message []byte, wanted func(*talker) bool) {
	room.mutex.Lock()
	defer room.mutex.Unlock()
	for one := range room.clients {
		if !wanted(one) {
			continue
		}
		select {
		case one.send <- message:
		default:
			close(one.send)
			delete(room.clients, one)
		}
	}
}

func (one *talker) bye(code int, reason string) {
	message := websocket.FormatCloseMessage(code, reason)
	_ = one.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	time.AfterFunc(200*time.Millisecond, func() { _ = one.conn.Close() })
}

func (one *talker) readPump() {
	given := one.chat.given
	defer func() {
		one.chat.leave(one)
		_ = one.conn.Close()
	}()
	if given.ReadLimit > 0 {
		one.conn.SetReadLimit(given.ReadLimit)
	}
	later := func() {
		if given.PongWait > 0 {
			_ = one.conn.SetReadDeadline(time.Now().Add(ms(given.PongWait)))
		}
	}
	later()
	one.conn.SetPongHandler(func(string) error { later(); return nil })
	for {
		_, message, err := one.conn.ReadMessage()
		if err != nil {
			log.Print(err)
			return
		}
		if given.PingPeriod == 0 {
			later()
		}
		var code, count, size int
		text := string(message)
		switch words := strings.SplitN(text, " ", 3); words[0] {
		case "panic":
			panic("index out of range in the handler of " + one.user)
		case "grow":
			grow()
		case "close":
			_, _ = fmt.Sscan(words[1], &code)
			one.bye(code, strings.Join(words[2:], ""))
		case "flood":
			_, _ = fmt.Sscan(text, new(string), &count, &size)
			for range count {
				one.chat.tell(make([]byte, size), func(other *talker) bool { return other != one })
				time.Sleep(5 * time.Millisecond)
			}
		default:
			one.chat.tell(message, func(other *talker) bool { return other == one })
		}
	}
}

func (one *talker) writePump() {
	given := one.chat.given
	ticks := func(every int) <-chan time.Time {
		if every == 0 {
			return nil
		}
		return time.NewTicker(ms(every)).C
	}
	defer one.conn.Close()
	var age <-chan time.Time
	if given.MaxAge > 0 {
		age = time.After(ms(given.MaxAge))
	}
	expires := make(<-chan time.Time)
	if given.Expires > 0 {
		expires = time.After(ms(given.Expires))
	}
	pings, news := ticks(given.PingPeriod), ticks(given.Says)
	deadline := func() time.Time {
		if given.WriteWait == 0 {
			return time.Time{}
		}
		return time.Now().Add(ms(given.WriteWait))
	}
	for {
		var err error
		select {
		case message, open := <-one.send:
			_ = one.conn.SetWriteDeadline(deadline())
			if !open {
				_ = one.conn.WriteMessage(websocket.CloseMessage, []byte{})
				return
			}
			kind := websocket.TextMessage
			if len(message) > 0 && message[0] == 0 {
				kind = websocket.BinaryMessage
			}
			err = one.conn.WriteMessage(kind, message)
		case <-pings:
			_ = one.conn.SetWriteDeadline(deadline())
			err = one.conn.WriteMessage(websocket.PingMessage, nil)
		case <-news:
			err = one.conn.WriteMessage(websocket.TextMessage, []byte("news"))
		case <-expires:
			one.bye(websocket.ClosePolicyViolation, "token expired")
		case <-age:
			return
		}
		if err != nil {
			log.Print(err)
			return
		}
	}
}
