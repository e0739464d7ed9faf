"""What servers say in other languages, in the English words of the sayings."""

import pytest

from tests.knowledge.test_sayings import EXAMPLES
from tui.knowledge.glossary import in_english, terms
from tui.knowledge.sayings import meant


@pytest.mark.parametrize(
    ("said", "english"),
    [
        ("令牌已过期", "token expired"), ("请重新连接", "please reconnect"), ("账号已被禁用", "account suspended"),
        ("服务器正在关闭", "server shutting down"), ("房间不存在", "room not found"), ("消息过大", "message too large"),
        ("セッションの期限切れ", "session の expired"), ("토큰 만료", "token expired"),
        ("Токен истёк", "token expired"),
        ("Сервер перезапускается", "server restart"), ("Sesión expirada", "session expired"),
        ("Token inválido", "Token invalid"), ("Trop de messages", "too many messages"),
        ("Sitzung abgelaufen", "session expired"), ("Zu viele Verbindungen", "too many connection"),
    ],
)  # fmt: skip
def test_terms_stand_where_they_stood(said: str, english: str) -> None:
    assert in_english(said) == english


def test_english_stays_as_it_is() -> None:
    said = [*EXAMPLES.nothing, *(phrase for some in EXAMPLES.http.values() for phrase in some)]
    english = [" ".join(phrase.split()) for phrase in said if phrase.isascii()]
    assert [in_english(phrase) for phrase in english] == english


@pytest.mark.parametrize(
    "said",
    [
        "任务完成", "用户退出", "正常关闭", "客户端关闭", "会话结束", "下单成功", "直播结束", "已断开", "通話終了",
        "대화가 종료되었습니다", "Разговор окончен", "Соединение закрыто", "Conexión cerrada", "Fim da chamada",
        "Connexion fermée", "Verbindung geschlossen",
    ],
)  # fmt: skip
def test_a_goodbye_blames_nobody_in_any_language(said: str) -> None:
    assert meant("reason", said, 1000) is None


def test_no_term_of_the_glossary_is_dead() -> None:
    texts = [
        *EXAMPLES.nothing,
        *(phrase for place in (EXAMPLES.reason, EXAMPLES.error, EXAMPLES.http, EXAMPLES.message)
          for some in place.values() for phrase in some),
    ]  # fmt: skip
    assert not [english for said, english in terms() if not any(said.search(text) for text in texts)]
