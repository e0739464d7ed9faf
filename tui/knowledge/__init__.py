"""Floor 0: what is known, as data in English and Chinese, and the loaders that read it. No judgement is made here."""
