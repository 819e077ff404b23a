"""All platforms that shops can be connected to."""

from collections.abc import Mapping

from tracking_service.platforms.generic import GENERIC
from tracking_service.platforms.mercadopago import MERCADOPAGO
from tracking_service.platforms.platform import Platform
from tracking_service.platforms.shopify import SHOPIFY
from tracking_service.platforms.stripe import STRIPE
from tracking_service.platforms.tiendanube import TIENDANUBE
from tracking_service.platforms.vtex import VTEX
from tracking_service.platforms.woocommerce import WOOCOMMERCE

PLATFORMS: Mapping[str, Platform] = {
    platform.name: platform for platform in (WOOCOMMERCE, SHOPIFY, STRIPE, VTEX, TIENDANUBE, MERCADOPAGO, GENERIC)
}
