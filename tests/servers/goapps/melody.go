package main

// melody: `close CODE REASON`; `flood COUNT BYTES` goes to everybody else.

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/olahol/melody"
)

func rooms(mux *http.ServeMux, given options) {
	room := melody.New()
	for setting, value := range map[*time.Duration]int{
		&room.Config.PongWait: given.PongWait, &room.Config.PingPeriod: given.PingPeriod, &room.Config.WriteWait: given.WriteWait,
	} {
		if value > 0 {
			*setting = ms(value)
		}
	}
	if given.MaxMessage > 0 {
		room.Config.MaxMessageSize = given.MaxMessage
	}
	if given.Buffer > 0 {
		room.Config.MessageBufferSize = given.Buffer
	}
	room.HandleError(func(_ *melody.Session, err error) { fmt.Println(err) })
	room.HandleMessage(func(one *melody.Session, message []byte) {
		var code, count, size int
		switch words := strings.SplitN(string(message), " ", 3); words[0] {
		case "close":
			_, _ = fmt.Sscan(words[1], &code)
			_ = one.CloseWithMsg(melody.FormatCloseMessage(code, strings.Join(words[2:], "")))
		case "flood":
			_, _ = fmt.Sscan(string(message), new(string), &count, &size)
			for range count {
				_ = room.BroadcastOthers([]byte(strings.Repeat("x", size)), one)
				time.Sleep(5 * time.Millisecond)
			}
		default:
			_ = one.Write(message)
		}
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) { _ = room.HandleRequest(w, r) })
	if len(given.Stop) == 0 {
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	go func() {
		<-told
		_ = room.CloseWithMsg(melody.FormatCloseMessage(int(given.Stop[0].(float64)), given.Stop[1].(string)))
		time.Sleep(300 * time.Millisecond)
		os.Exit(0)
	}()
}
