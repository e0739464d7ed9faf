package main

// The library under Centrifugo, with its JSON protocol at /ws: a client's first command is connect, its token the
// user's name; it answers {} to the server's {}. An operator asks for /disconnect?user=… and /flood?count=…&bytes=….

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"
)

func centrifugeNode(mux *http.ServeMux, given options) func() {
	node, err := centrifuge.New(centrifuge.Config{
		ClientStaleCloseDelay:   ms(given.Stale),
		ClientQueueMaxSize:      given.Queue,
		ClientExpiredCloseDelay: 100 * time.Millisecond,
	})
	if err != nil {
		panic(err)
	}
	node.OnConnecting(func(_ context.Context, event centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		who := &centrifuge.Credentials{UserID: event.Token}
		if event.Token == "" {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		}
		if given.Expires > 0 {
			who.ExpireAt = time.Now().Add(ms(given.Expires)).Unix()
		}
		return centrifuge.ConnectReply{
			Credentials:   who,
			Subscriptions: map[string]centrifuge.SubscribeOptions{"news": {}},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		if given.One {
			newer := centrifuge.Disconnect{Code: 4409, Reason: "connected from another device"}
			_ = node.Disconnect(client.UserID(), centrifuge.WithCustomDisconnect(newer),
				centrifuge.WithDisconnectClientWhitelist([]string{client.ID()}))
		}
	})
	if err := node.Run(); err != nil {
		panic(err)
	}
	config := centrifuge.WebsocketConfig{MessageSizeLimit: int(given.ReadLimit)}
	config.WriteTimeout = ms(given.WriteWait)
	config.PingPongConfig.PingInterval, config.PingPongConfig.PongTimeout = ms(given.PingPeriod), ms(given.PongWait)
	mux.Handle("/ws", centrifuge.NewWebsocketHandler(node, config))
	mux.HandleFunc("/disconnect", func(w http.ResponseWriter, r *http.Request) {
		_ = node.Disconnect(r.URL.Query().Get("user"))
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, r *http.Request) {
		var count, bytes int
		_, _ = fmt.Sscan(r.URL.Query().Get("count")+" "+r.URL.Query().Get("bytes"), &count, &bytes)
		text := make([]byte, bytes)
		for at := range text {
			text[at] = 'x'
		}
		for range count {
			_, _ = node.Publish("news", []byte(fmt.Sprintf("%q", text)))
			time.Sleep(5 * time.Millisecond)
		}
	})
	return func() {
		patient, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = node.Shutdown(patient)
	}
}
