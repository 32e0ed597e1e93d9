"""How every model is reached: chat, embeddings, the response store, retries, money, vLLM.

Read `records` first (what is asked and what comes back), then `complete` (the one door).
"""
