// Two of Rust's WebSocket servers, each as its users write them first:
//
//     rustapps PROGRAM PORT MILLISECONDS BYTES
//
// PROGRAM is axum (it waits so long for each message and takes so many bytes, 0: without a limit; SIGTERM shuts it down
// in order) or single (tokio-tungstenite in a loop that serves one client after the other). axum does what it hears:
// `panic` (the task of that client), `abort` (the process), `close CODE REASON`; anything else comes back.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use axum::Router;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::signal::unix::{signal, SignalKind};

type Given = (u64, usize);

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let given: Given = (words[3].parse().unwrap(), words[4].parse().unwrap());
    let listener = TcpListener::bind(format!("127.0.0.1:{}", words[2])).await.unwrap();
    println!("listening");
    match words[1].as_str() {
        "single" => single(listener).await,
        _ => {
            let app = Router::new().route("/ws", any(upgrade)).with_state(given);
            let stop = async { signal(SignalKind::terminate()).unwrap().recv().await.unwrap_or(()) };
            axum::serve(listener, app).with_graceful_shutdown(stop).await.unwrap();
        }
    }
}

async fn upgrade(asked: WebSocketUpgrade, State((wait, most)): State<Given>) -> Response {
    let asked = if most > 0 { asked.max_message_size(most) } else { asked };
    asked.on_upgrade(move |socket| obey(socket, wait))
}

async fn obey(mut socket: WebSocket, wait: u64) {
    let wait = Duration::from_millis(if wait > 0 { wait } else { 3_600_000 });
    while let Ok(Some(Ok(message))) = tokio::time::timeout(wait, socket.recv()).await {
        let text = message.to_text().unwrap_or("").to_owned();
        let words: Vec<&str> = text.splitn(3, ' ').collect();
        let answer = match words[..] {
            ["panic"] => panic!("called `Option::unwrap()` on a `None` value"),
            ["abort"] => std::process::abort(),
            ["close", code, reason] => Message::Close(Some(CloseFrame { code: code.parse().unwrap(), reason: reason.into() })),
            _ if matches!(message, Message::Text(_) | Message::Binary(_)) => message,
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

async fn single(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut client) = tokio_tungstenite::accept_async(stream).await else { continue };
        while let Some(Ok(message)) = client.next().await {
            if (message.is_text() || message.is_binary()) && client.send(message).await.is_err() {
                break;
            }
        }
    }
}
