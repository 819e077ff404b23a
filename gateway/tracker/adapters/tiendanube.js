  // Tiendanube: into a hidden field of the cart's form, which the order has in `extra`; and by the checkout's token, which
  // is the order's, where the checkout runs scripts.
  const PLATFORM = 'tiendanube';
  const FIELD = `extra[${SESSION}]`;

  const adapt = session => {
    bind(location.pathname.match(/\/checkout\/v\d+\/\w+\/\d+\/(\w+)/)?.[1]);
    document.querySelectorAll('[name=go_to_checkout],[data-component="cart.checkout-button"]').forEach(button => {
      const form = button.closest('form');
      if (!form) return;
      let field = form.querySelector(`[name="${FIELD}"]`);
      if (!field) {
        field = document.createElement('input');
        field.type = 'hidden';
        field.name = FIELD;
        form.append(field);
      }
      field.value = session;
    });
  };
