module goapps

go 1.26.8

require (
	github.com/gobwas/ws v1.5.0
	github.com/olahol/melody v1.1.4
)

require (
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gorilla/websocket v1.5.0 // indirect
)
