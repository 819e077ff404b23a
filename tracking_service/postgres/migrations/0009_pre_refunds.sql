-- What refunds say of their orders beside which one: a refund without a currency is in that of its order, which may come
-- later; one that names none is kept under its own id, which no order has, so that it is found as one without an order.
-- Additions alone: older code keeps refunds without an amount of this kind, which is read in the business's currency.

-- As a decimal number; null: a currency was said, or no amount.
ALTER TABLE order_refunds ADD COLUMN said_amount text;

-- Of a business, newest first.
CREATE INDEX order_refunds_in_order ON order_refunds (business_id, received_at DESC, event_id DESC);
